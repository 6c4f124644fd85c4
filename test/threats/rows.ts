import { compareVerifiers, flipEveryByte, leapFarAhead, refuseOtherBytes, skewClocks } from './byte-threats.ts'
import { flood } from './flood.ts'
import { loseGossip, replayOldEntries, surroundBySybils } from './gossip-threats.ts'
import type { Threat } from './measured.ts'

/** The threat table (docs/security/threats.md), row by row: what asserts it in the suite, and what is measured here. */
export const THREATS: readonly Threat[] = [
  {
    row: 'forged or altered entry',
    expected: '0 accepted, whatever byte is flipped',
    tests: { files: ['protocol/core/entry.test.ts', 'protocol/core/log-apply.test.ts'], named: 'one byte' },
    measure: flipEveryByte,
  },
  {
    row: 'signatures that part verifiers',
    expected: '12 of 12 the same',
    tests: { files: ['protocol/host/native-ed25519.test.ts', 'protocol/core/ed25519-rule.test.ts'] },
    measure: compareVerifiers,
  },
  { row: 'other bytes for the same value', expected: 'none taken of at least 20', measure: refuseOtherBytes },
  {
    row: 'replay of old entries',
    expected: '10,000 again: 0 effects, score not below 0',
    tests: { files: ['protocol/core/log-apply.test.ts'], named: 'ten thousand' },
    measure: replayOldEntries,
  },
  {
    row: 'gossip that loses, dies, stalls',
    expected: '1,000 entries once and in order',
    tests: { files: ['protocol/host/deaf-watchdog.test.ts'] },
    measure: loseGossip,
  },
  {
    row: 'a mirror that withholds',
    expected: 'found at the first head, healed from another',
    tests: { files: ['test/scenario/mip-mirrors.test.ts'] },
  },
  {
    row: 'two histories',
    expected: 'the same proof on every node',
    tests: {
      files: [
        'test/scenario/mip-threats.test.ts',
        'test/scenario/mip-mirrors.test.ts',
        'protocol/core/equivocation.test.ts',
      ],
      named: 'two signed|two entries',
    },
  },
  {
    row: 'stolen publishing key',
    expected: 'nothing above the revoked place, on any node',
    tests: {
      files: ['test/scenario/mip-threats.test.ts', 'protocol/core/log-apply.test.ts'],
      named: 'stolen publishing key',
    },
  },
  {
    row: 'stolen root key',
    expected: 'no rotation without the preimage',
    tests: { files: ['protocol/core/log-apply.test.ts'], named: 'a root' },
  },
  { row: 'Sybils around a follower', expected: '0 lost among 50 Sybils', measure: surroundBySybils },
  {
    row: 'flood of one peer',
    expected: '100,000 messages: p95 of others below x2',
    tests: { files: ['protocol/host/flood-gate.test.ts', 'worker/interface/mip/mip-tail.test.ts'] },
    measure: flood,
  },
  { row: 'a place far ahead', expected: 'a gap, at no cost', measure: leapFarAhead },
  {
    row: 'readers that do not read',
    expected: 'RSS grows by less than 64 MiB',
    tests: { files: ['protocol/host/slow-reader.test.ts', 'protocol/host/frame-buffer.test.ts'] },
  },
  {
    row: 'corrupt and endless blobs',
    expected: 'one chunk wasted; too large is ended',
    tests: { files: ['test/fault/blob-transfer.test.ts', 'protocol/core/blob-download.test.ts'] },
  },
  {
    row: 'hostile safetensors',
    expected: '20,000 headers, no crash, below 2x memory',
    tests: { files: ['protocol/core/safetensors-header.test.ts'] },
  },
  {
    row: 'tensors of another model',
    expected: 'refused by negotiation (the probe needs a model)',
    tests: { files: ['protocol/core/negotiation.test.ts'] },
  },
  {
    row: 'instructions in memory',
    expected: 'quarantined or framed',
    tests: {
      files: [
        'worker/operation/mip/screening.test.ts',
        'test/scenario/mip-injection.test.ts',
        'test/scenario/mip-threats.test.ts',
      ],
      named: 'screening|inject|instructions',
    },
  },
  {
    row: 'revoked memory offered again',
    expected: 'refused on every node',
    tests: {
      files: [
        'test/scenario/mip-threats.test.ts',
        'test/scenario/mip-subscribe.test.ts',
        'test/scenario/mip-revocation.test.ts',
      ],
      named: 'revoked memory|revocation',
    },
  },
  {
    row: 'addresses that lead inside',
    expected: 'none opened of at least 30',
    tests: {
      files: [
        'protocol/host/mirror-url.test.ts',
        'protocol/host/hostile-addresses.test.ts',
        'protocol/host/http-remote.test.ts',
      ],
    },
  },
  {
    row: 'clocks a day off',
    expected: 'the same order',
    tests: { files: ['protocol/core/log-apply.test.ts'], named: 'a day off' },
    measure: skewClocks,
  },
]
