import { openWorkerdEdge } from '../support/edge-workerd.ts'
import { runScenarios } from './scenarios.suite.ts'

runScenarios('workerd', openWorkerdEdge)
