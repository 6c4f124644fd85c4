import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { activityFlush } from './activity-flush.suite.ts'

activityFlush(() => openLibsql('default', ':memory:'))
