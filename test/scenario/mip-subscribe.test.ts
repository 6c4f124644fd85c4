import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { mipSubscribe } from './mip-subscribe.suite.ts'

mipSubscribe('Node', () => openLibsql('default', ':memory:'))
