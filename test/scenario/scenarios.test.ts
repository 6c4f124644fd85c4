import { openNodeEdge } from '../support/edge-node.ts'
import { runScenarios } from './scenarios.suite.ts'

runScenarios('Node', () => openNodeEdge())
