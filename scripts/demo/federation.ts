import { setTimeout as sleep } from 'node:timers/promises'
import { cut, oneLine } from '../../cli/text.ts'
import type { Did } from '../../schemas/did.ts'
import { QUERY_LENGTH_MAX } from '../../schemas/limits.ts'
import type { Answer } from '../../sdk/endpoints.ts'
import type { Conversation } from './conversations.ts'
import type { FederationEdge } from './federation-edge.ts'
import { catchUp, type Following, follow, heldBy, quarantinedAt, subscriptionOf } from './federation-follow.ts'
import { type Checks, short, topologyText, type Way } from './federation-print.ts'
import { Publication } from './federation-publish.ts'
import { verifyLog } from './federation-verify.ts'

const TOPIC = 'talks'
const OTHER_TOPIC = 'staff'
const OTHER_NOTES = 5
const LAST_NOTES = 20
const HEARD_MS_MAX = 60_000
const HEARD_POLL_MS = 250
const TEXT_WIDTH = 96

export interface FederationInit {
  a: FederationEdge
  b: FederationEdge
  mirror: FederationEdge
  /** Identity of A's organisation. */
  org: Did
  way: Way
  conversation: Conversation
  /** Memories that A publishes while B is away. */
  more: number
  checks: Checks
}

/** Two organisations and a mirror, once through everything that may happen between them. Each pass has a log of its own. */
export class Federation {
  readonly #init: FederationInit
  readonly #out: Publication
  #b!: Following
  #mirror!: Following

  constructor(init: FederationInit) {
    this.#init = init
    this.#out = new Publication(init.a, `talks-${init.way}`, TOPIC)
  }

  /** @throws CliError at the first check that does not hold */
  async run(): Promise<void> {
    const { a, b, mirror, way, checks } = this.#init
    checks.io.out(`\n${topologyText([a, b, mirror], way)}`)
    await this.#publish()
    await this.#follow()
    const found = await this.#find()
    if (way === 'libp2p') await this.#hear()
    await this.#missAndReturn()
    await this.#withoutPublisher()
    await this.#revoke(found)
    await this.#audit()
  }

  async #publish(): Promise<void> {
    const { a, conversation, checks } = this.#init
    checks.step(`A remembers a conversation and publishes it`)
    await checks.progress('remembering', (report) => this.#out.conversation(conversation, report))
    await this.#out.notes(OTHER_NOTES, 'For the staff', { topic: OTHER_TOPIC })
    const { published, refused, log } = this.#out
    const kept = [...new Set(refused.values())].join(', ')
    checks.holds(
      `${published.size} of ${conversation.id} are public in "${log}"${refused.size === 0 ? '' : `, ${refused.size} kept back (${kept})`}`,
      published.size > 0,
    )
    await this.#verify(a)
  }

  async #follow(): Promise<void> {
    const { b, mirror, org, way, checks } = this.#init
    checks.step('B follows the topic, the mirror follows everything')
    const { log } = this.#out
    const addresses = await this.#addresses()
    const subscribe = { did: org, log, namespace: `from-a-${way}` }
    this.#mirror = await follow(mirror, 'harbour', addresses.slice(0, 1), subscribe)
    this.#b = await follow(b, 'harbour', addresses, { ...subscribe, filter: { topics: [TOPIC] } })
    await this.#catchUp(this.#b)
    const { read } = await subscriptionOf(this.#b)
    const [held, waiting] = [await heldBy(this.#b), await quarantinedAt(this.#b)]
    const left = read.seq + 1 - held.size - waiting.size
    checks.holds(
      `B verified ${read.seq + 1} entries one by one, took in ${held.size}, left out ${left} of another topic`,
      left === OTHER_NOTES,
    )
    await this.#expectWhole()
    await this.#catchUp(this.#mirror)
    const { tier } = await b.client.call('getMipPeer', { params: { did: org } })
    checks.note(`trust: A is "${tier}" at B, so its screened text is taken in, and nothing that a model would run`)
  }

  /** Asks B what was said at A. Resolves to what was found first, and how. */
  async #find(): Promise<{ cube: string; query: string }> {
    const { org, conversation, checks } = this.#init
    checks.step('B searches, and finds what A has remembered')
    for (const { question, evidence } of conversation.questions) {
      const query = question.slice(0, QUERY_LENGTH_MAX)
      const [first] = await this.#search(query)
      if (first === undefined) continue
      const { originCube, originDid } = first.cube.metadata
      if (originDid !== org || !evidence.includes(this.#out.turns.get(String(originCube)) ?? '')) continue
      checks.note(`"${oneLine(question)}"`)
      checks.note(cut(`→ ${first.cube.descriptive.speaker ?? '-'}: ${oneLine(first.cube.content ?? '')}`, TEXT_WIDTH))
      checks.holds(
        `the evidence is first, and says where it is from: ${short(String(originDid))}, cube ${originCube}`,
        true,
      )
      return { cube: String(originCube), query }
    }
    checks.holds('some question finds its evidence first', false)
    throw new Error('unreachable')
  }

  async #search(query: string): Promise<Answer<'search'>['results']> {
    const { edge, namespace } = this.#b
    return (await edge.client.search({ query, namespaces: [namespace], limit: 10 })).results
  }

  /** Nobody asks: A's beacon tells B, and B's upkeep reads on. */
  async #hear(): Promise<void> {
    const { b, checks } = this.#init
    checks.step('A publishes one more, and nobody asks')
    await this.#out.notes(1, 'Heard of by gossip')
    const from = performance.now()
    const { seq } = this.#out
    for (;;) {
      await b.fireTimer()
      const { applied } = await subscriptionOf(this.#b)
      if (applied.seq >= seq) break
      if (performance.now() - from > HEARD_MS_MAX) checks.holds('B hears of it', false)
      await sleep(HEARD_POLL_MS)
    }
    checks.holds(`B heard of it by gossip and had it ${Math.round(performance.now() - from)} ms later`, true)
    await this.#expectWhole()
  }

  async #missAndReturn(): Promise<void> {
    const { b, more, checks } = this.#init
    checks.step(`B is away while A publishes ${more} more`)
    const before = await this.#place()
    await b.stop()
    await checks.progress('publishing', (report) => this.#out.notes(more, 'Log book', { report }))
    await b.start()
    await this.#catchUp(this.#b, more)
    const missed = (await this.#place()) - before
    checks.holds(`B is back and applied ${missed} entries that it had missed`, missed === more)
    await this.#expectWhole()
  }

  async #withoutPublisher(): Promise<void> {
    const { a, b, mirror, checks } = this.#init
    checks.step(`A publishes ${LAST_NOTES} that B does not hear of, and goes away`)
    const before = await this.#place()
    await b.stop()
    await this.#out.notes(LAST_NOTES, 'The last of')
    await this.#catchUp(this.#mirror, this.#init.more)
    await a.stop()
    await this.#verify(mirror)
    await b.start()
    await this.#catchUp(this.#b)
    const missed = (await this.#place()) - before
    checks.holds(`A does not answer; B had the last ${missed} from the mirror`, missed === LAST_NOTES)
    await this.#expectWhole()
    await a.start()
  }

  async #revoke({ cube, query }: { cube: string; query: string }): Promise<void> {
    const { a, mirror, checks } = this.#init
    checks.step('A takes one back')
    const cid = this.#out.published.get(cube)
    await this.#out.revoke(cube)
    checks.holds('A serves it no longer', (await a.served(`obj/${cid}`)) === null)
    await this.#catchUp(this.#b)
    const isFound = async () => (await this.#search(query)).some((one) => one.cube.metadata.originCube === cube)
    checks.holds('B read the revocation, and its search shows the memory no longer', !(await isFound()))
    await this.#catchUp(this.#mirror)
    checks.holds('the mirror serves it no longer', (await mirror.served(`obj/${cid}`)) === null)
    await this.#expectWhole()
  }

  async #audit(): Promise<void> {
    const { a, mirror, checks } = this.#init
    checks.step('A stranger reads the log at A and at the mirror, from its first entry')
    const [first, second] = [await this.#verify(a), await this.#verify(mirror)]
    checks.holds(`both end at entry ${first.seq}, ${first.cid}`, first.seq === second.seq && first.cid === second.cid)
  }

  async #verify(edge: FederationEdge) {
    const { org, checks } = this.#init
    const found = await verifyLog(edge, org, this.#out.log)
    const head = found.isHead === null ? 'the end' : 'the signed head'
    checks.holds(
      `${edge.name}: ${found.signatures} signatures hold, ${found.entries} entries follow each other; ${short(found.cid)} is ${head}`,
      found.isHead !== false && found.seq === this.#out.seq,
    )
    return found
  }

  /** Last entry that B has applied. */
  async #place(): Promise<number> {
    return (await subscriptionOf(this.#b)).applied.seq
  }

  /** What B holds is what A has published, revision for revision, and not a memory more. */
  async #expectWhole(): Promise<void> {
    const { checks } = this.#init
    const { published, seq } = this.#out
    const [held, waiting, subscription] = [
      await heldBy(this.#b),
      await quarantinedAt(this.#b),
      await subscriptionOf(this.#b),
    ]
    const missing = [...published].filter(([cube, cid]) => held.get(cube) !== cid && !waiting.has(cube))
    const isWhole = missing.length === 0 && held.size + waiting.size === published.size
    // What is heard of is pulled in the background too: of two pulls at once one finds the other busy.
    const { error } = subscription
    const isWell = error === null || error === 'busy'
    const apart = waiting.size === 0 ? '' : `, ${waiting.size} more wait for a person`
    checks.holds(
      `B has ${held.size} of ${published.size} memories${apart}; applied to entry ${subscription.applied.seq} of ${seq}${isWell ? '' : ` (${error})`}`,
      isWhole && isWell && subscription.applied.seq === seq,
    )
  }

  #catchUp(following: Following, total = 0) {
    return this.#init.checks.progress(`${following.edge.name} catches up`, (report) =>
      catchUp(following, (applied) => report(applied, Math.max(applied, total))),
    )
  }

  /** Where A may be had, then its mirror. */
  async #addresses(): Promise<string[]> {
    const { a, mirror, way } = this.#init
    if (way === 'http') return [a.url, mirror.url]
    return Promise.all([a.multiaddr(), mirror.multiaddr()])
  }
}
