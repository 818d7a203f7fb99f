/* Does one wrong thing, at step 2. The line that does it has its name, for the test. */
#include <arkor.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { FAIL = 1, HOST, ASSERT, ABORT, NOTHING, INDEX, DIVIDE, WILD, DEEP, MEMORY, ENDLESS, EXIT };

ARKOR_STATE({ uint32_t logs; }) memory;
static volatile int four = 4;
static int table[4];

static int deep(int depth) {
  volatile char room[512];
  room[0] = (char)depth;
  return depth < 0 ? 0 : deep(depth + 1) + room[0]; /* DEEP */
}

static arkor_result_t describe(arkor_spec_t *spec) {
  spec->name = arkor_text("faults");
  spec->model = arkor_scratch(32, 1, 2);
  spec->tokenizer = arkor_bytes();
  spec->dataset = arkor_file("text.txt");
  spec->hyperparameters.max_steps = arkor_some_u32(6);
  spec->hyperparameters.max_length = arkor_some_u32(16);
  spec->hyperparameters.logging_steps = arkor_some_u32(2);
  return ARKOR_OK;
}

static arkor_result_t on_log(const arkor_log_record_t *event) {
  memory.logs += 1;
  if (event->at.step != 2) return ARKOR_OK;
  int *volatile nothing = NULL;
  switch (FAULT) {
    case FAIL:
      return arkor_fail("too much: %d", four); /* FAIL */
    case HOST:
      ARKOR_TRY(arkor_write_artifact("../x", "", 0)); /* HOST */
      break;
    case ASSERT:
      assert(four == 3); /* ASSERT */
      break;
    case ABORT:
      abort(); /* ABORT */
    case NOTHING:
      *nothing = 1; /* NOTHING */
      break;
    case INDEX:
      table[four] = 1; /* INDEX */
      break;
    case DIVIDE:
      printf("%d\n", 1 / (four - 4)); /* DIVIDE */
      break;
    case WILD: {
      int *volatile far = (int *)0x7ffffff0;
      *far = 1; /* WILD */
      break;
    }
    case DEEP:
      printf("%d\n", deep(0));
      break;
    case MEMORY:
      for (;;) table[0] += *(char *)arkor_alloc(1 << 20); /* MEMORY */
    case ENDLESS:
      while (four == 4) snprintf((char *)table, sizeof table, "%d", four); /* ENDLESS */
      break;
    case EXIT:
      exit(3); /* EXIT */
  }
  return ARKOR_OK;
}

const arkor_trainer_t arkor_trainer = {.describe = describe, .on_log = on_log, .state = ARKOR_STATE_OF(memory)};
