import { LanguageModelError } from '../../ports/language-model.ts'

/** Text of a response of at most `bytesMax`; the rest is not waited for. @throws LanguageModelError too_large */
export async function readBounded(response: Response, bytesMax: number): Promise<string> {
  if (response.body === null) return ''
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for (;;) {
    const { done, value } = (await reader.read()) as { done: boolean; value?: Uint8Array }
    if (done || value === undefined) return text + decoder.decode()
    bytes += value.length
    if (bytes > bytesMax) {
      await reader.cancel()
      throw new LanguageModelError('too_large')
    }
    text += decoder.decode(value, { stream: true })
  }
}
