import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import { containment, textFingerprint } from './text-fingerprint.ts'
import { isGenuine, markOf, readWatermarks, watermark, watermarkKey } from './watermark.ts'

/** Share of a text that a cube must hold to be named as its source. */
const SOURCE_SHARE_MIN = 0.2

/** Marks what goes out and finds where a text came from. */
export class Watermarks {
  readonly #secret: string

  /** `secret` is known to the deployment only. */
  constructor(secret: string) {
    this.#secret = secret
  }

  /** Marks texts as handed out by this request. */
  marker({ principal, requestId }: RequestContext): (text: string) => string {
    const mark = markOf(watermarkKey(this.#secret, principal.orgId), requestId)
    return (text) => watermark(text, mark)
  }

  /** Those of the requests whose mark a text carries, and how many genuine marks it has. */
  requestsOf(text: string, orgId: string, requestIds: readonly string[]): { genuine: number; requestIds: string[] } {
    const key = watermarkKey(this.#secret, orgId)
    const found = readWatermarks(text).filter((mark) => isGenuine(key, mark))
    const names = new Set(found.map(String))
    return { genuine: found.length, requestIds: requestIds.filter((id) => names.has(String(markOf(key, id)))) }
  }

  /** Cubes that hold the words of a text, best first, with the share of it that each holds. */
  sourcesOf(text: string, cubes: readonly FullCube[]): { cubeId: string; share: number }[] {
    const asked = textFingerprint(text)
    return cubes
      .map(({ cube, content }) => ({ cubeId: cube.cubeId, share: containment(asked, textFingerprint(content ?? '')) }))
      .filter(({ share }) => share >= SOURCE_SHARE_MIN)
      .sort((a, b) => b.share - a.share)
  }
}
