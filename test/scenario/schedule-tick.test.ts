import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { scheduleTick } from './schedule-tick.suite.ts'

scheduleTick(() => openLibsql('default', ':memory:'))
