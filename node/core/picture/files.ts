/** The two files of a picture at rest: sealed each under a key of its own, kept outside the database. */
import { concatBytes } from '../../../protocol/bytes.ts'
import { invariant } from '../../../protocol/errors.ts'
import type { PictureSize } from '../../../protocol/picture.ts'
import type { Blobs, Vault } from '../ports.ts'
import type { PictureSlots } from '../store.ts'

/** A picture as it is kept: its manifest, and the bytes of both files. */
export interface KeptPicture {
  manifest: Uint8Array
  small: Uint8Array
  large: Uint8Array
}

export interface PictureStore {
  /** Seals and writes pictures, durably; slots are in their order. */
  keep: (pictures: readonly KeptPicture[]) => Promise<PictureSlots[]>
  /** Takes back what no row refers to. */
  discard: (slots: readonly PictureSlots[]) => Promise<void>
  /** The bytes of one file, or null where its key is gone. */
  open: (slots: PictureSlots, size: PictureSize) => Promise<Uint8Array | null>
  /** Manifest and files, or null where a key is gone. */
  openAll: (slots: PictureSlots) => Promise<KeptPicture | null>
}

const LENGTH_BYTES = 2

/** The manifest lies in front of the small file: they are needed together, and die together. */
function join(manifest: Uint8Array, small: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(manifest.length >> 8, manifest.length & 255), manifest, small)
}

function split(bytes: Uint8Array): { manifest: Uint8Array; small: Uint8Array } {
  const end = LENGTH_BYTES + (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0))
  return { manifest: bytes.subarray(LENGTH_BYTES, end), small: bytes.subarray(end) }
}

/** Creates the keeper of pictures. */
export function createPictureStore({ vault, blobs }: { vault: Vault; blobs: Blobs }): PictureStore {
  async function discard(slots: readonly number[]): Promise<void> {
    await vault.destroy(slots)
    await blobs.remove(slots)
    vault.release(slots)
  }
  async function openBlob(slot: number): Promise<Uint8Array | null> {
    const ciphertext = await blobs.get(slot)
    return ciphertext === null ? null : vault.open({ slot, ciphertext })
  }
  async function openSmall({ small }: PictureSlots) {
    const bytes = await openBlob(small)
    return bytes === null ? null : split(bytes)
  }

  return {
    keep: async (pictures) => {
      const sealed = await vault.seal(
        pictures.flatMap(({ manifest, small, large }) => [join(manifest, small), large]),
      )
      try {
        await blobs.put(sealed)
      } catch (error) {
        await discard(sealed.map(({ slot }) => slot))
        throw error
      }
      return pictures.map((_, at): PictureSlots => {
        const [small, large] = [sealed[2 * at], sealed[2 * at + 1]]
        invariant(small !== undefined && large !== undefined, 'two slots for each picture')
        return { small: small.slot, large: large.slot }
      })
    },
    discard: async (pictures) => {
      if (pictures.length > 0) await discard(pictures.flatMap(({ small, large }) => [small, large]))
    },
    open: async (slots, size) =>
      size === 'large' ? openBlob(slots.large) : ((await openSmall(slots))?.small ?? null),
    openAll: async (slots) => {
      const first = await openSmall(slots)
      const large = first === null ? null : await openBlob(slots.large)
      return first === null || large === null ? null : { ...first, large }
    },
  }
}
