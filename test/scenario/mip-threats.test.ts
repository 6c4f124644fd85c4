import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { mipThreats } from './mip-threats.suite.ts'

mipThreats('Node', () => openLibsql('default', ':memory:'))
