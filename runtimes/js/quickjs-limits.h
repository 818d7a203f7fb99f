/* Read before each file of QuickJS-ng.
 *
 * On WASI it has no limit of the stack: its author had no way to tell where the stack ends. This runtime's
 * stack is in linear memory, as on any machine, and endless recursion is to be an exception of the trainer's
 * with a place, not a trap. So the headers that care are read first, and then it is not told. */
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#undef __wasi__
/* It has malloc_usable_size. */
#define __GLIBC__ 2

/* A loop at the very beginning of a function is interrupted before its first instruction, at position -1.
 * That is taken as unsigned, and becomes the function's end. Compared as signed, it is its beginning. So
 * the type of the parameter is exchanged where the function is defined; where it is called, all stays. */
#define find_line_num(context, code, position, column) \
    find_line_num(context, code, ARKOR_##position, column)
#define ARKOR_uint32_t int32_t
#define ARKOR_pc pc
#define ARKOR_pos pos
#define ARKOR_sf sf
