import { replayBlobVectors } from '../../test/conformance/blob-vectors.suite.ts'
import { replayMipVectors } from '../../test/conformance/mip-vectors.suite.ts'
import { replayVectors } from '../../test/conformance/vectors.suite.ts'
import { type ReplayReport, runCases } from './tiny-vitest.ts'

/** Replays every vector wherever this runs. */
export async function replayEveryVector(runtime: string): Promise<ReplayReport> {
  replayVectors(runtime)
  replayMipVectors(runtime)
  replayBlobVectors(runtime)
  return runCases()
}
