import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { expectBytes } from '../core/cid.ts'
import { type Ed25519, passesPrecheck } from '../core/ed25519-rule.ts'
import { KEY_BYTES } from '../core/keys.ts'

// RFC 8410: the key follows these bytes in PKCS #8 and in SubjectPublicKeyInfo.
const PKCS8_HEAD = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20)
const SPKI_HEAD = Uint8Array.of(0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0)
/** Imported keys that are kept: importing costs a third of a verification, and more than a signature. */
const KEYS_MAX = 1024

/** Of whatever runtime this is checked for: each names the type otherwise. */
type Subtle = typeof crypto.subtle

/**
 * Ed25519 of WebCrypto, on every runtime. Native verifiers disagree on crafted signatures, so each is asked only about signatures that
 * pass the rule of MIP (2.5, 4.2).
 */
export function webCryptoEd25519(subtle: Subtle = crypto.subtle): Ed25519 {
  const keys = new RecentKeys<ReturnType<Subtle['importKey']>>()
  return {
    async sign(message, seed) {
      const pkcs8 = withHead(PKCS8_HEAD, expectBytes(seed, KEY_BYTES, 'seed'))
      const key = await subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign'])
      return new Uint8Array(await subtle.sign('Ed25519', key, owned(message)))
    },
    async verify(signature, message, publicKey) {
      if (!passesPrecheck(signature, publicKey)) return false
      const key = keys.get(publicKey, () => subtle.importKey('raw', owned(publicKey), 'Ed25519', false, ['verify']))
      // Bytes that are no point of the curve are refused when the key is imported.
      return key
        .then((imported) => subtle.verify('Ed25519', imported, owned(signature), owned(message)))
        .catch(() => false)
    },
  }
}

/**
 * Ed25519 of node:crypto. `verify` runs on the threads of libuv: the caller goes on meanwhile, and signatures that are asked about together
 * are looked at side by side. `verifySync` answers at once, for where nothing can wait.
 */
export function nodeEd25519(): Ed25519 & { verifySync(...args: Parameters<Ed25519['verify']>): boolean } {
  const keys = new RecentKeys<KeyObject>()
  const secrets = new RecentKeys<KeyObject>()
  const importedKey = (publicKey: Uint8Array) => keys.get(publicKey, () => publicKeyObject(publicKey))
  return {
    async sign(message, seed) {
      const key = secrets.get(expectBytes(seed, KEY_BYTES, 'seed'), () => privateKeyObject(seed))
      return new Uint8Array(sign(null, message, key))
    },
    verify(signature, message, publicKey) {
      if (!passesPrecheck(signature, publicKey)) return Promise.resolve(false)
      const { promise, resolve } = Promise.withResolvers<boolean>()
      try {
        verify(null, message, importedKey(publicKey), signature, (error, isRight) => resolve(error === null && isRight))
      } catch {
        resolve(false) // bytes that are no point of the curve
      }
      return promise
    },
    verifySync(signature, message, publicKey) {
      if (!passesPrecheck(signature, publicKey)) return false
      try {
        return verify(null, message, importedKey(publicKey), signature)
      } catch {
        return false // bytes that are no point of the curve
      }
    },
  }
}

function privateKeyObject(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.from(withHead(PKCS8_HEAD, seed)), format: 'der', type: 'pkcs8' })
}

function publicKeyObject(publicKey: Uint8Array): KeyObject {
  const der = Buffer.from(withHead(SPKI_HEAD, publicKey))
  return createPublicKey({ key: der, format: 'der', type: 'spki' })
}

/** Imported keys by their bytes, the least recently used forgotten first. */
class RecentKeys<T> {
  readonly #keys = new Map<string, T>()

  get(bytes: Uint8Array, make: () => T): T {
    const name = Buffer.from(bytes).toString('latin1')
    const key = this.#keys.get(name) ?? make()
    this.#keys.delete(name)
    this.#keys.set(name, key)
    if (this.#keys.size > KEYS_MAX) this.#keys.delete(this.#keys.keys().next().value ?? '')
    return key
  }
}

function withHead(head: Uint8Array, key: Uint8Array): Uint8Array<ArrayBuffer> {
  const der = new Uint8Array(head.length + key.length)
  der.set(head)
  der.set(key, head.length)
  return der
}

/** WebCrypto takes no bytes of shared memory; the type of ours does not rule that out. */
const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
