import type { GossipSub, TopicValidatorFn, TopicValidatorResult } from '@libp2p/gossipsub'

/** Topics of a network (MIP 4.4). Few and wide: a peer that is told of more than about a thousand ignores the rest. */
export const gossipTopics = (network: string) => ({
  head: `/mip/1/${network}/head`,
  proof: `/mip/1/${network}/proof`,
  /** `nsid`: a reversed domain name, such as `org.memos.notes`. */
  of: (nsid: string) => `/mip/1/${network}/t/${nsid}`,
})

const NETWORK = /^[a-z][a-z0-9-]{0,31}$/
const NSID = '[A-Za-z0-9](?:[A-Za-z0-9.-]{0,126}[A-Za-z0-9])?'
const NSID_WHOLE = new RegExp(`^${NSID}$`)

/** Whether a word can be a topic of the network: memories have topics that cannot. */
export const isNsid = (word: string): boolean => NSID_WHOLE.test(word)

/**
 * The topics of a network, by rule. gossipsub drops subscriptions to a topic that is not allowed, and is told of each only once: were
 * only our own topics in here, a topic that we join later would have no subscribers for us.
 */
export class TopicsOfNetwork extends Set<string> {
  readonly #pattern: RegExp

  /** @throws RangeError for a name that is no network's. */
  constructor(network: string) {
    super()
    if (!NETWORK.test(network)) throw new RangeError(`"network" expected a name like ${NETWORK.source}`)
    this.#pattern = new RegExp(`^/mip/1/${network}/(head|proof|t/${NSID})$`)
  }

  override has(topic: string): boolean {
    return this.#pattern.test(topic)
  }
}

/** Validators by topic. A topic that we do not take part in has one that ignores: its messages are neither kept nor passed on. */
class Validators extends Map<string, TopicValidatorFn> {
  readonly #ignore: TopicValidatorFn

  constructor(hear: (from: string) => void) {
    super()
    this.#ignore = (peer) => {
      hear(peer.toString())
      // The type is an enum, which has no literals; its values are these words.
      return 'ignore' as TopicValidatorResult
    }
  }

  override get(topic: string): TopicValidatorFn {
    return super.get(topic) ?? this.#ignore
  }
}

/** The parts of gossipsub 17.1.1 that have no public name: topics come and go while a node runs, its options do not. */
interface Internals {
  allowedTopics: Set<string>
  score: { params: { topics: Record<string, unknown> } }
  getScore(peerId: string): number
  reportMessageValidationResult(id: string, from: string, verdict: TopicValidatorResult): void
}

/**
 * Narrows gossipsub to the topics of a network. `hear` is told who sends messages of topics that we take no part in.
 * @throws TypeError when this version of gossipsub keeps its topics elsewhere.
 */
export function narrowToNetwork(
  pubsub: GossipSub,
  network: string,
  hear: (from: string) => void,
): GossipSub & Internals {
  const candidate = pubsub as GossipSub & Partial<Internals>
  if (!(candidate.allowedTopics instanceof Set) || !candidate.score?.params.topics)
    throw new TypeError('this version of @libp2p/gossipsub is not known: its topics cannot be changed')
  candidate.allowedTopics = new TopicsOfNetwork(network)
  candidate.topicValidators = new Validators(hear)
  return candidate as GossipSub & Internals
}
