/** Setup of the `workerd` test project: every test file starts with both databases at the newest migration. Storage is separate per file. */
import { applyD1Migrations, type D1Migration } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll } from 'vitest'

const bindings = env as unknown as { DB: D1Database; DB_SHARD_1: D1Database; TEST_MIGRATIONS: D1Migration[] }

beforeAll(async () => {
  await applyD1Migrations(bindings.DB, bindings.TEST_MIGRATIONS)
  await applyD1Migrations(bindings.DB_SHARD_1, bindings.TEST_MIGRATIONS)
})
