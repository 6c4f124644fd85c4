/**
 * The two globals that the pure layers (schemas, protocol/core) may use besides the language itself. Every runtime has them (WHATWG Encoding),
 * while the type packages that declare them also bring in clocks, sockets and files.
 */
declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>
}

declare class TextDecoder {
  constructor(label?: 'utf-8', options?: { fatal?: boolean; ignoreBOM?: boolean })
  decode(input?: Uint8Array): string
}
