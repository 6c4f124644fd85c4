import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { mipMirrors } from './mip-mirrors.suite.ts'

mipMirrors('Node', () => openLibsql('default', ':memory:'))
