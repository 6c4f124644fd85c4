import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { mipArchives } from './mip-archives.suite.ts'

mipArchives('Node', () => openLibsql('default', ':memory:'))
