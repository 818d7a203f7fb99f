"""Times one optimizer step of the model in docs/adr/0001 in PyTorch; prints one line of JSON.

    python bench_torch.py [--threads N] [--compile]
"""

import argparse
import json
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

BATCH, TIME, VOCAB = 8, 128, 4096

parser = argparse.ArgumentParser()
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--compile", action="store_true")
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)
torch.manual_seed(0)
model = LlamaForCausalLM(
    LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=384,
        intermediate_size=1024,
        num_hidden_layers=6,
        num_attention_heads=6,
        num_key_value_heads=6,
        max_position_embeddings=TIME,
        tie_word_embeddings=True,
        use_cache=False,
        attn_implementation="sdpa",
    )
)
step_model = torch.compile(model) if arguments.compile else model
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
tokens = torch.randint(0, VOCAB, (BATCH, TIME))
targets = torch.randint(0, VOCAB, (BATCH, TIME))
times = []
for _ in range(35):
    begin = time.perf_counter()
    logits = step_model(tokens).logits
    loss = torch.nn.functional.cross_entropy(logits.view(-1, VOCAB), targets.view(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    times.append((time.perf_counter() - begin) * 1e3)
times = sorted(times[5:])
print(json.dumps({"torch": torch.__version__, "median_ms": round(times[len(times) // 2], 2), "min_ms": round(times[0], 2)}))
