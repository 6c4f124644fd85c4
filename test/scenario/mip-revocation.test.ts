import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { mipRevocation } from './mip-revocation.suite.ts'

mipRevocation('Node', () => openLibsql('default', ':memory:'))
