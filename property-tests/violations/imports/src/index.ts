// violates: package-entries-layer
import './peer.ts'
