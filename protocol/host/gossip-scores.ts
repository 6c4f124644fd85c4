import type { GossipsubOpts } from '@libp2p/gossipsub'
import { PrivateAddresses } from './private-address.ts'

/** A peer below this is sent nothing (gossipsub v1.1, publishThreshold). */
export const PUBLISH_SCORE_MIN = -50

/**
 * Scores of peers (MIP 4.8). Our own opinion weighs most. Peers behind one address count against each other only where addresses are
 * scarce: in a private network many share one.
 */
export function gossipScores(trustOf: (peerId: string) => number): GossipsubOpts['scoreParams'] {
  return {
    topics: {},
    appSpecificScore: trustOf,
    appSpecificWeight: 10,
    IPColocationFactorWhitelist: new PrivateAddresses(),
  }
}

/**
 * Scores within a topic. Mesh deliveries (P3) weigh nothing: topics of memory are quiet for hours, and a quiet peer is no bad one.
 * A message that was rejected (P4) counts.
 */
export const topicScore = () => ({
  topicWeight: 0.5,
  timeInMeshWeight: 0.01,
  timeInMeshQuantum: 1000,
  timeInMeshCap: 3600,
  firstMessageDeliveriesWeight: 1,
  firstMessageDeliveriesDecay: 0.5,
  firstMessageDeliveriesCap: 100,
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesCap: 100,
  meshMessageDeliveriesThreshold: 20,
  meshMessageDeliveriesWindow: 10,
  meshMessageDeliveriesActivation: 5000,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0.5,
  invalidMessageDeliveriesWeight: -1,
  invalidMessageDeliveriesDecay: 0.9,
})
