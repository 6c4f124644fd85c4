"""The tokenizer: WordPiece over ASCII. Any ASCII text can be spelled; words of the grammar and syllables are one token each."""
import json
import re

SPECIAL = ["<pad>", "<bos>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|memory|>", "[UNK]"]
PAD, BOS, SYSTEM, USER, ASSISTANT, END, MEMORY, UNK = range(8)

CONSONANTS, VOWELS = "bdfklmnrst", "aeiou"
SYLLABLES = [c + v for c in CONSONANTS for v in VOWELS]
SUFFIXES = ["ton", "burg", "ville", "ford", "port", "stad", "holm", "wick", "dale", "gate", "field", "mont"]
PRINTABLE = [chr(c) for c in range(33, 127)]
CONTINUED = [c for c in PRINTABLE if c.isalnum()]
# What BERT's pre-tokenizer does with ASCII: white space parts, and every punctuation mark stands alone.
PIECE = re.compile(r"[A-Za-z0-9]+|[^A-Za-z0-9\s]")


class Vocabulary:
    def __init__(self, words):
        tokens = SPECIAL + PRINTABLE + ["##" + c for c in CONTINUED]
        tokens += [s.capitalize() for s in SYLLABLES] + ["##" + s for s in SYLLABLES + SUFFIXES]
        tokens += [w for w in words if w not in set(tokens)]
        self.tokens = list(dict.fromkeys(tokens))
        self.ids = {token: at for at, token in enumerate(self.tokens)}
        self._words = {}

    def __len__(self):
        return len(self.tokens)

    def encode(self, text):
        """Token ids of a text, without special tokens."""
        return [i for word in PIECE.findall(text) for i in self._word(word)]

    def _word(self, word):
        found = self._words.get(word)
        if found is None:
            found = self._words[word] = self._longest_first(word)
        return found

    def _longest_first(self, word):
        ids, at = [], 0
        while at < len(word):
            prefix = "##" if at else ""
            end = next((e for e in range(len(word), at, -1) if prefix + word[at:e] in self.ids), None)
            if end is None:
                return [UNK]
            ids.append(self.ids[prefix + word[at:end]])
            at = end
        return ids

    def tokenizer_json(self):
        """The same tokenizer in the format of Hugging Face's tokenizers."""
        added = [
            {"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
            for i, t in enumerate(SPECIAL)
        ]
        return json.dumps({
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": None,
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {
                "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": self.ids,
            },
        }, indent=1)
