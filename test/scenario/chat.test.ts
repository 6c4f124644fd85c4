import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { chatSuite } from './chat.suite.ts'

chatSuite(() => openLibsql('default', ':memory:'))
