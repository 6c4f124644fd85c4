import { replayBlobVectors } from './blob-vectors.suite.ts'

replayBlobVectors('workerd')
