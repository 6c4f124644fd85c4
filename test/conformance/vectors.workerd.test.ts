import { replayMipVectors } from './mip-vectors.suite.ts'
import { replayVectors } from './vectors.suite.ts'

replayVectors('workerd')
replayMipVectors('workerd')
