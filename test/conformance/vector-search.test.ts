import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { testVectorSearch } from './vector-search.suite.ts'

testVectorSearch('libSQL', () => openLibsql('default', ':memory:'))
