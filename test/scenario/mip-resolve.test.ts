import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { mipResolve } from './mip-resolve.suite.ts'

mipResolve('Node', () => openLibsql('default', ':memory:'))
