"""A decoder of the Llama architecture: RMSNorm, half-split RoPE, grouped queries, SwiGLU, tied embeddings."""
import math

import torch
from torch import nn
from torch.nn import functional as F

CONFIG = dict(hidden=128, layers=3, heads=4, kv_heads=2, head_dim=32, ff=512, theta=10000.0, eps=1e-5)


class RmsNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rope(positions, config):
    """cos and sin, [..., head_dim]."""
    inverse = config["theta"] ** (-torch.arange(0, config["head_dim"], 2, dtype=torch.float32) / config["head_dim"])
    angle = positions.float()[..., None] * inverse
    angle = torch.cat([angle, angle], -1)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, head = c["hidden"], c["head_dim"]
        self.c = c
        self.q = nn.Linear(width, c["heads"] * head, bias=False)
        self.k = nn.Linear(width, c["kv_heads"] * head, bias=False)
        self.v = nn.Linear(width, c["kv_heads"] * head, bias=False)
        self.o = nn.Linear(c["heads"] * head, width, bias=False)
        self.gate = nn.Linear(width, c["ff"], bias=False)
        self.up = nn.Linear(width, c["ff"], bias=False)
        self.down = nn.Linear(c["ff"], width, bias=False)
        self.attention_norm = RmsNorm(width, c["eps"])
        self.mlp_norm = RmsNorm(width, c["eps"])

    def forward(self, x, cos, sin, mask, past=None):
        batch, length, _ = x.shape
        c, h = self.c, self.attention_norm(x)
        group = c["heads"] // c["kv_heads"]
        q = rotate(self.q(h).view(batch, length, c["heads"], -1).transpose(1, 2), cos, sin)
        k = rotate(self.k(h).view(batch, length, c["kv_heads"], -1).transpose(1, 2), cos, sin)
        v = self.v(h).view(batch, length, c["kv_heads"], -1).transpose(1, 2)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        total = k.shape[2]
        q = q.reshape(batch, c["kv_heads"], group * length, -1)
        scores = (q @ k.transpose(-1, -2)).view(batch, c["kv_heads"], group, length, total) / math.sqrt(c["head_dim"]) + mask
        y = scores.softmax(-1).view(batch, c["kv_heads"], group * length, total) @ v
        x = x + self.o(y.view(batch, c["heads"], length, -1).transpose(1, 2).reshape(batch, length, -1))
        h = self.mlp_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h)), (k, v)


class Decoder(nn.Module):
    def __init__(self, vocabulary, config=None):
        super().__init__()
        c = self.config = dict(config or CONFIG, vocabulary=vocabulary)
        self.embedding = nn.Embedding(vocabulary, c["hidden"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["layers"]))
        self.norm = RmsNorm(c["hidden"], c["eps"])
        for title, p in self.named_parameters():
            if p.dim() == 2:
                # Embeddings this wide let copying of tokens emerge early; with 0.02 it does not within 500 steps.
                spread = 0.1 if "embedding" in title else 1 / math.sqrt(p.shape[1])
                residual = 1 / math.sqrt(2 * c["layers"]) if title.split(".")[-2] in ("o", "down") else 1
                nn.init.normal_(p, 0, spread * residual)

    def hidden(self, ids, positions, seen=None, past=None):
        """ids and positions [B, T]; `seen` [B, T, T]: what each token may attend to beyond causality; `past`: (k, v) of each layer, seen by all."""
        length = ids.shape[1]
        cos, sin = (t[:, None] for t in rope(positions, self.config))
        allowed = torch.ones(length, length).tril().bool()[None]
        if seen is not None:
            allowed = allowed & seen
        mask = torch.zeros(allowed.shape).masked_fill(~allowed, -1e9)[:, None, None]
        if past is not None:
            mask = torch.cat([torch.zeros(mask.shape[:-1] + (past[0][0].shape[2],)), mask], -1)
        x, caches = self.embedding(ids), []
        for at, layer in enumerate(self.layers):
            x, cache = layer(x, cos, sin, mask, None if past is None else past[at])
            caches.append(cache)
        return self.norm(x), caches

    def logits(self, hidden):
        return hidden @ self.embedding.weight.T

    def parameter_count(self):
        return sum(p.numel() for p in self.parameters())
