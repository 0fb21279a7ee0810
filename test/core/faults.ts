/** Ports that fail in the way a test asks for. */
import type { Vault } from '../../node/core/ports.ts'

const fail = (): Promise<never> => Promise.reject(new Error('no destruction today'))

/** A vault that has nothing and destroys nothing. */
export function createVaultThatThrows(): Vault {
  return {
    seal: fail,
    open: () => null,
    destroy: fail,
    release: () => undefined,
    retain: fail,
  }
}
