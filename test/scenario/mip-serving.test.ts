import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { mipServing } from './mip-serving.suite.ts'

mipServing('Node', () => openLibsql('default', ':memory:'))
