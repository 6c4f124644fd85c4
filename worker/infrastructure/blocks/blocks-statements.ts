import type { BlockWrite } from '../../ports/writes/blocks.ts'
import type { StatementsFor } from '../vault/write-statements.ts'

/** Statements of each decision, in the order in which they must run. */
export const blocksStatements: StatementsFor<BlockWrite> = {}
