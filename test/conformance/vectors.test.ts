import { replayVectors } from './vectors.suite.ts'

replayVectors('Node')
