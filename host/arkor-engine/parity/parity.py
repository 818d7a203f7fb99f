"""Compares the embedded engine with Hugging Face's LlamaForCausalLM and torch.optim.AdamW.

    cargo run --release -p arkor-engine --example parity -- FOLDER
    python parity.py FOLDER

For each case: log-probability of every target, loss, global gradient norm, gradient of every weight,
and every weight after one AdamW step with clipping that goes on from the saved moments. Prints one
line of JSON a case; exits with 1 if a difference is larger than rounding explains.
"""

import json
import pathlib
import sys

import torch
from safetensors import safe_open
from transformers import LlamaConfig, LlamaForCausalLM

LIMITS = {"log_probs": 2e-5, "loss": 1e-5, "grad_norm": 1e-5, "gradients": 1e-4, "weights": 1e-5}


def read(path):
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        facts = json.loads(file.metadata()["arkor"])
    return tensors, facts


def part(tensors, prefix):
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def loss_of(function, log_probs, datum):
    weights = torch.tensor(datum["weights"])
    if function == "cross-entropy":
        return -(weights * log_probs).sum()
    advantages = torch.tensor(datum["advantages"])
    ratio = torch.exp(log_probs - torch.tensor(datum["old_log_probs"]))
    gain = ratio * advantages
    if function != "importance-sampling":
        bounds = function["ppo"]
        clipped = ratio.clamp(bounds["clip_low"], bounds["clip_high"]) * advantages
        gain = torch.minimum(gain, clipped)
    return -(weights * gain).sum()


def relative(ours, theirs):
    return float((ours - theirs).norm() / theirs.norm())


def compare(folder):
    facts = json.loads((folder / "facts.json").read_text())
    before, state = read(folder / "before.safetensors")
    after, _ = read(folder / "after.safetensors")
    shape = state["model"]
    config = LlamaConfig(
        vocab_size=before["model.embed_tokens.weight"].shape[0],
        max_position_embeddings=256,
        rope_parameters={"rope_type": "default", "rope_theta": shape.pop("rope_theta")},
        attn_implementation="eager",
        **shape,
    )
    model = LlamaForCausalLM(config)
    weights = {n: t for n, t in before.items() if not n.startswith("optimizer.")}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()

    loss, difference = 0, 0.0
    for datum, ours in zip(facts["data"], facts["log_probs"]):
        logits = model(torch.tensor([datum["tokens"]])).logits[0]
        targets = torch.tensor(datum["targets"])
        log_probs = torch.log_softmax(logits, -1).gather(1, targets[:, None])[:, 0]
        difference = max(difference, float((log_probs.detach() - torch.tensor(ours)).abs().max()))
        loss = loss + loss_of(facts["loss"], log_probs, datum)
    loss.backward()

    adam = facts["adam"]
    named = dict(model.named_parameters())
    first, second = part(before, "optimizer.exp_avg."), part(before, "optimizer.exp_avg_sq.")
    assert set(named) == set(first) == set(second)
    groups = [
        {"params": [p for p in named.values() if p.dim() > 1], "weight_decay": adam["weight_decay"]},
        {"params": [p for p in named.values() if p.dim() == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        groups, lr=adam["learning_rate"], betas=(adam["beta1"], adam["beta2"]), eps=adam["eps"]
    )
    for name, parameter in named.items():
        optimizer.state[parameter] = {
            "step": torch.tensor(float(state["step"])),
            "exp_avg": first[name].clone(),
            "exp_avg_sq": second[name].clone(),
        }
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), adam["max_grad_norm"])
    # The engine's clipped gradient follows from its first moment before and after the step.
    moved = part(after, "optimizer.exp_avg.")
    gradients = max(
        relative((moved[n] - adam["beta1"] * first[n]) / (1 - adam["beta1"]), p.grad)
        for n, p in named.items()
    )
    optimizer.step()
    return {
        "log_probs": difference,
        "loss": abs(facts["loss_sum"] - loss.item()) / abs(loss.item()),
        "grad_norm": abs(facts["grad_norm"] - norm.item()) / norm.item(),
        "gradients": gradients,
        "weights": max(relative(after[n], p.detach()) for n, p in named.items()),
    }


failed = False
for folder in sorted(p for p in pathlib.Path(sys.argv[1]).iterdir() if p.is_dir()):
    differences = compare(folder)
    failed |= any(differences[key] > limit for key, limit in LIMITS.items())
    print(json.dumps({"case": folder.name} | {k: float(f"{v:.2g}") for k, v in differences.items()}))
sys.exit(failed)
