import { replayVectors } from './vectors.suite.ts'

replayVectors('workerd')
