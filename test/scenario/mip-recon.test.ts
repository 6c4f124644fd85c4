import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { mipRecon } from './mip-recon.suite.ts'

mipRecon('Node', () => openLibsql('default', ':memory:'))
