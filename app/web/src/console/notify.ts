import { ElMessage } from 'element-plus/es/components/message/index.mjs'
import 'element-plus/es/components/message/style/css'

/** Say briefly that something has worked. */
export const notify = (message: string): void => {
  ElMessage({ message, type: 'success', duration: 3500, grouping: true })
}
