import type { Answer } from '../../sdk/endpoints.ts'
import type { Conversation } from './conversations.ts'
import type { FederationEdge } from './federation-edge.ts'
import { type Report, remember } from './recall.ts'

const CUBES_PER_REQUEST = 100

/** What one organisation has made public in one log. */
export class Publication {
  readonly edge: FederationEdge
  readonly log: string
  readonly topic: string
  /** Address of the revision by the cube it is of. */
  readonly published = new Map<string, string>()
  /** Cubes that were kept back, with the reason. */
  readonly refused = new Map<string, string>()
  /** Turn of the conversation by the cube that remembers it. */
  readonly turns = new Map<string, string>()
  /** Last entry. */
  seq = -1

  constructor(edge: FederationEdge, log: string, topic: string) {
    this.edge = edge
    this.log = log
    this.topic = topic
  }

  get namespace(): string {
    return `talks-${this.log}`
  }

  /** Remembers a conversation, and publishes all of it. */
  async conversation(conversation: Conversation, report: Report): Promise<void> {
    const { client } = this.edge
    await client.namespaces.create({ name: this.namespace, layer: 'shared' })
    await remember(client, this.namespace, conversation, report)
    for await (const { cubeId, metadata } of client.iterate('listCubes', {
      query: { namespace: this.namespace, limit: 200 },
    }))
      this.turns.set(cubeId, String(metadata.sourceId))
    await this.#publish([...this.turns.keys()], this.topic)
  }

  /** Remembers and publishes notes; `topic`: under another one than the log is followed by. */
  async notes(
    count: number,
    about: string,
    { topic = this.topic, report = () => {} }: { topic?: string; report?: Report } = {},
  ): Promise<void> {
    for (let done = 0; done < count; done += CUBES_PER_REQUEST) {
      const cubes = Array.from({ length: Math.min(CUBES_PER_REQUEST, count - done) }, (_, at) => ({
        content: `${about} ${done + at + 1} of ${count}: the tide was at ${(done + at) % 12} o'clock, and ${1 + ((done + at) % 7)} boats came in.`,
      }))
      const made = await this.edge.client.call('createCubes', { body: { cubes } })
      await this.#publish(
        made.cubes.map(({ cubeId }) => cubeId),
        topic,
      )
      report(Math.min(count, done + CUBES_PER_REQUEST), count)
    }
  }

  async revoke(cubeId: string): Promise<void> {
    const { seq } = await this.edge.client.publishing.revoke({ cubeIds: [cubeId], log: this.log, reason: 'error' })
    this.seq = seq
    this.published.delete(cubeId)
  }

  async #publish(cubeIds: string[], topic: string): Promise<void> {
    for (let at = 0; at < cubeIds.length; at += CUBES_PER_REQUEST) {
      const body = { cubeIds: cubeIds.slice(at, at + CUBES_PER_REQUEST), log: this.log, topics: [topic] }
      this.#took(await this.edge.client.publishing.publish(body), topic)
    }
  }

  #took({ items, seq }: Answer<'publishMemories'>, topic: string): void {
    this.seq = seq
    for (const { cubeId, cid, outcome, reason } of items) {
      if (outcome === 'refused' || cid === null) this.refused.set(cubeId, String(reason))
      else if (topic === this.topic) this.published.set(cubeId, cid)
    }
  }
}
