import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { mipRenditions } from './mip-renditions.suite.ts'

mipRenditions('Node', () => openLibsql('default', ':memory:'))
