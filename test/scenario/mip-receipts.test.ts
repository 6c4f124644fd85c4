import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { mipReceipts } from './mip-receipts.suite.ts'

mipReceipts('Node', () => openLibsql('default', ':memory:'))
