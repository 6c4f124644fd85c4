import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// The same switches that wrangler reads from .env: no telemetry, no look-ups outside this machine.
process.loadEnvFile('.env')

const WORKERD_TESTS = '**/*.workerd.test.ts'
const exclude = [...configDefaults.exclude, '**/.wrangler/**', '**/.tsbuild/**']

const LONG = /\/test\/(fault|scenario)\//

/** Files that take minutes come first: at the end, one of them alone would leave the other cores idle. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return [...sorted.filter((file) => LONG.test(file.moduleId)), ...sorted.filter((file) => !LONG.test(file.moduleId))]
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
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
