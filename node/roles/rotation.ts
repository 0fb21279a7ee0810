/** Key rotation at a site: a prepared key takes over when the registry binds it to the site. */
import { setInterval } from 'node:timers'
import { equalBytes } from '../../protocol/bytes.ts'
import { memberOf } from '../../protocol/registry.ts'
import { createIdentity, type Identity } from '../core/identity.ts'
import type { View } from '../core/view.ts'
import type { Folder } from '../store/folder.ts'
import type { Steps } from './lifetime.ts'
import { adoptNextNodeKey, readNextNodeKey } from './secrets.ts'

const LOOK_MILLIS = 1000

/** Whether the registry names the keys of this identity as the newest of its site. */
function isBound(view: View, { site, logKey, witnessKey }: Identity): boolean {
  const newest = memberOf(view.registry(), site)?.keys.at(-1)
  return (
    newest !== undefined &&
    equalBytes(newest.logKey, logKey.publicKey) &&
    equalBytes(newest.witnessKey, witnessKey.publicKey)
  )
}

/**
 * Watches for the rotation to a prepared key.
 *
 * @returns resolves once the key file is replaced: the node has to start again with the new keys
 */
export function watchRotation(folder: Folder, view: View, steps: Steps): Promise<void> {
  return new Promise((resolve) => {
    function look(): void {
      const next = readNextNodeKey(folder)
      if (next === null || !isBound(view, createIdentity(view.network, view.self, next))) return
      clearInterval(timer)
      adoptNextNodeKey(folder)
      resolve()
    }
    const timer = setInterval(look, LOOK_MILLIS)
    timer.unref()
    steps.add(() => clearInterval(timer))
  })
}
