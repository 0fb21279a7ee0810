/**
 * Installs what tests need of the system, once and before any of them: two at a time would be in
 * each other's way. Where this cannot be done they are skipped, each with its line.
 */
import { installMissing } from './debian.ts'

/** Run by the test runner before the first test. */
export default function setup(): void {
  installMissing()
}
