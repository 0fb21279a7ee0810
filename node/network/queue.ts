/** Received bytes in the pieces they came in, copied only where a piece ends inside a frame. */

export interface ByteQueue {
  /** Bytes held. */
  size: () => number
  push: (chunk: Uint8Array) => void
  /** Removes `count` bytes, of which there are enough, from the front. */
  take: (count: number) => Uint8Array
}

/** An empty queue. */
export function createByteQueue(): ByteQueue {
  const chunks: Uint8Array[] = []
  let size = 0
  return {
    size: () => size,
    push: (chunk) => {
      chunks.push(chunk)
      size += chunk.length
    },
    take: (count) => {
      size -= count
      const [first] = chunks
      if (first === undefined || first.length < count) return join(chunks, count)
      if (first.length === count) chunks.shift()
      else chunks[0] = first.subarray(count)
      return first.subarray(0, count)
    },
  }
}

function join(chunks: Uint8Array[], count: number): Uint8Array {
  const whole = new Uint8Array(count)
  let filled = 0
  let used = 0
  for (const chunk of chunks) {
    const part = chunk.subarray(0, count - filled)
    whole.set(part, filled)
    filled += part.length
    if (part.length < chunk.length) {
      chunks[used] = chunk.subarray(part.length)
      break
    }
    used += 1
    if (filled === count) break
  }
  chunks.splice(0, used)
  return whole
}
