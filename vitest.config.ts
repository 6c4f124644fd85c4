import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { configDefaults, defineConfig } from 'vitest/config'

// The same switches that wrangler reads from .env: no telemetry, no look-ups outside this machine.
process.loadEnvFile('.env')

const WORKERD_TESTS = '**/*.workerd.test.ts'
const exclude = [...configDefaults.exclude, '**/.wrangler/**', '**/.tsbuild/**']

export default defineConfig({
  test: {
    reporters: ['default'],
    // Generous: a deadline is there to end a hang, never to measure a slow machine.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          environment: 'node',
          pool: 'forks',
          include: ['**/*.test.ts'],
          exclude: [...exclude, WORKERD_TESTS],
        },
      },
      {
        extends: true,
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              bindings: {
                TEST_MIGRATIONS: await readD1Migrations('./schemas/migrations'),
                MEMOS_ROOT_KEY: 'root-key-of-the-scenario-tests-on-workerd',
                MEMOS_PEER_KEY: '5'.repeat(64),
              },
            },
          })),
        ],
        test: {
          name: 'workerd',
          include: [WORKERD_TESTS],
          exclude,
          setupFiles: ['./test/support/apply-migrations.ts'],
        },
      },
    ],
  },
})
