"""Writes a trained checkpoint as a model folder: python3 export.py CHECKPOINT FOLDER. Tensor names and config are those of Hugging Face's Llama."""
import json
import struct
import sys
from pathlib import Path

import numpy as np
import torch

import grammar
from vocabulary import ASSISTANT, BOS, END, MEMORY, PAD, SPECIAL, USER

NAMES = {
    "q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj",
    "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj",
    "attention_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm",
}
# Memory comes first, so that what follows it can change without computing it again.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% if memory %}<|memory|>{% for entry in memory %}{{ entry }} {% endfor %}<|end|>{% endif %}"
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def tensor_name(name):
    parts = name.split(".")
    if parts[0] == "embedding":
        return "model.embed_tokens.weight"
    if parts[0] == "norm":
        return "model.norm.weight"
    return f"model.layers.{parts[1]}.{NAMES[parts[2]]}.weight"


def safetensors(tensors):
    header, data, at = {}, b"", 0
    for name in sorted(tensors):
        raw = tensors[name].astype("<f2").tobytes()
        header[name] = {"dtype": "F16", "shape": list(tensors[name].shape), "data_offsets": [at, at + len(raw)]}
        data, at = data + raw, at + len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def main(checkpoint, folder):
    kept = torch.load(checkpoint)
    c, out = kept["config"], Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    tensors = {tensor_name(name): value.numpy().astype(np.float32) for name, value in kept["model"].items()}
    (out / "model.safetensors").write_bytes(safetensors(tensors))
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": c["hidden"],
        "intermediate_size": c["ff"], "num_hidden_layers": c["layers"], "num_attention_heads": c["heads"],
        "num_key_value_heads": c["kv_heads"], "head_dim": c["head_dim"], "rms_norm_eps": c["eps"], "rope_theta": c["theta"],
        "max_position_embeddings": 1024, "vocab_size": c["vocabulary"], "tie_word_embeddings": True, "torch_dtype": "float16",
        "attention_bias": False, "mlp_bias": False, "pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": END,
    }
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (out / "tokenizer.json").write_text(grammar.VOCABULARY.tokenizer_json() + "\n")
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": SPECIAL[BOS], "eos_token": SPECIAL[END], "pad_token": SPECIAL[PAD],
        "unk_token": "[UNK]", "clean_up_tokenization_spaces": True, "chat_template": CHAT_TEMPLATE,
        "memory_token": SPECIAL[MEMORY], "user_token": SPECIAL[USER], "assistant_token": SPECIAL[ASSISTANT],
    }
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    print(f"{sum(t.size for t in tensors.values())} parameters, {(out / 'model.safetensors').stat().st_size} bytes, step {kept['state']['step']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
