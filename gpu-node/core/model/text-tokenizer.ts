export interface ChatMessage {
  role: string
  content: string
}

/** Text to token ids and back, and conversations in the form the model was trained on. */
export interface TextTokenizer {
  /** Ids of a text, without any token around it. Names of special tokens in it become these tokens: see `plain`. */
  encode(text: string): number[]
  /** Text of ids; special tokens are left out. */
  decode(ids: readonly number[]): string
  /** The text with every name of a special token broken up, so that foreign text cannot end a turn or begin one. */
  plain(text: string): string
  /** A conversation with what is remembered in front of it, up to where the assistant begins to speak. Contents are made `plain`. */
  chat(messages: readonly ChatMessage[], options?: { memory?: readonly string[] }): number[]
  /** Tokens that end an answer. */
  readonly stopIds: ReadonlySet<number>
}
