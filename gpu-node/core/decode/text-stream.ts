import type { TextTokenizer } from '../model/text-tokenizer.ts'

/** Tokens that stay in the window, so that what follows is decoded as behind its text. */
const OVERLAP_TOKENS = 16
const WINDOW_TOKENS_MAX = 64

/** Ends of a text that another token can still change: WordPiece decoders close up ` .`, ` ' ` and ` n't` once they are whole. */
const OPEN_END = /(?:\s|\sn|\sn'|\s'|\s'v|\s'r)$/

/**
 * Turns tokens into text while they come. Text is held back as long as the next token could change it (half a character, a space that a
 * full stop takes away) or it could be the start of a stop string.
 */
export class TextStream {
  readonly #tokenizer: TextTokenizer
  readonly #stop: readonly string[]
  /** Tokens that are decoded together. */
  #window: number[] = []
  /** What of the window's text is in `#held` or out. */
  #read = ''
  #held = ''
  #isStopped = false

  constructor(tokenizer: TextTokenizer, stop: readonly string[]) {
    this.#tokenizer = tokenizer
    this.#stop = stop
  }

  /** A stop string came: nothing behind it goes out. */
  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Text that is certain now. */
  push(id: number): string {
    this.#window.push(id)
    const text = this.#tokenizer.decode(this.#window)
    if (isOpen(text)) return ''
    this.#take(text)
    if (this.#window.length > WINDOW_TOKENS_MAX) {
      this.#window = this.#window.slice(-OVERLAP_TOKENS)
      this.#read = this.#tokenizer.decode(this.#window)
    }
    return this.#release(false)
  }

  /** The rest, when no token follows. */
  end(): string {
    this.#take(this.#tokenizer.decode(this.#window))
    return this.#release(true)
  }

  #take(text: string): void {
    this.#held += text.slice(this.#read.length)
    this.#read = text
  }

  #release(isEnd: boolean): string {
    if (this.#isStopped) return ''
    const found = this.#stop.map((word) => this.#held.indexOf(word)).filter((at) => at >= 0)
    this.#isStopped = found.length > 0
    const until = this.#isStopped ? Math.min(...found) : this.#held.length - (isEnd ? 0 : this.#stopPrefix())
    const text = this.#held.slice(0, until)
    this.#held = this.#held.slice(until)
    return text
  }

  /** Length of the longest end of the text that a stop string begins with. */
  #stopPrefix(): number {
    let longest = 0
    for (const word of this.#stop)
      for (let length = Math.min(word.length - 1, this.#held.length); length > longest; length--)
        if (this.#held.endsWith(word.slice(0, length))) longest = length
    return longest
  }
}

const isOpen = (text: string) => text.endsWith('\ufffd') || OPEN_END.test(text)
