import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Many tests wait for processes and sockets, so that a core for the runner alone would be idle.
    maxWorkers: '100%',
    globalSetup: 'test/e2e/debian-setup.ts',
  },
})
