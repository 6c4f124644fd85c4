import type { KnowledgeWrite } from '../../ports/writes/knowledge.ts'
import type { StatementsFor } from '../vault/write-statements.ts'
import { entityStatements } from './entity-statements.ts'
import { factStatements } from './fact-statements.ts'

/** Statements of each decision, in the order in which they must run. */
export const knowledgeStatements: StatementsFor<KnowledgeWrite> = { ...entityStatements, ...factStatements }
