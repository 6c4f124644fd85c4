import { describe, expect, it } from 'vitest'
import { RememberRequest } from '../../../schemas/memories.ts'
import { messageOf } from './remember.ts'

const turn = { id: 'c/1', conv: 'c', session: 'c/s', si: 3, speaker: 'Ada', text: 'Look!' }

describe('messageOf', () => {
  it('keeps the name of a person and adds what a picture shows', () => {
    const message = messageOf({ ...turn, caption: 'a red kite', date: '2025-01-02 08:20:15' })
    expect(message).toEqual({
      content: 'Look! a red kite',
      speaker: 'Ada',
      saidAt: '2025-01-02T08:20:15Z',
      metadata: { sourceId: 'c/1', si: 3 },
    })
  })

  it.each(['User', 'assistant'])('turns the speaker %s into a role only', (speaker) => {
    const message = messageOf({ ...turn, speaker })
    expect(message).toMatchObject({ role: speaker.toLowerCase() })
    expect(message).not.toHaveProperty('speaker')
  })

  it.each(['2025-01-02', '2025-01-02T08:20:15', '', undefined])(
    'makes a message that the API accepts of date %j',
    (date) => {
      const message = messageOf({ ...turn, ...(date !== undefined && { date }) })
      expect(() => RememberRequest.parse({ session: 's', messages: [message] })).not.toThrow()
    },
  )
})
