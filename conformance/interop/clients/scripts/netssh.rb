# Drives Net::SSH and Net::SFTP: ruby netssh.rb exec|files, see environ in clients.go.
require 'net/ssh'
require 'net/sftp'

algorithms = Net::SSH::Transport::Algorithms::ALGORITHMS
options = { port: ENV['SSH_PORT'].to_i, keys: [ENV['KEY']], keys_only: true, use_agent: false, config: false,
            verify_host_key: :never, timeout: 20, non_interactive: true, append_all_supported_algorithms: true,
            host_key: algorithms[:host_key], kex: algorithms[:kex], encryption: algorithms[:encryption],
            hmac: algorithms[:hmac], compression: ENV['COMPRESSIONS'].split(',') & algorithms[:compression] }
Net::SSH.start(ENV['SSH_HOST'], ENV['SSH_USER'], options) do |ssh|
  if ARGV[0] == 'files'
    ssh.sftp.upload!(ENV['IN'], ENV['REMOTE'])
    ssh.sftp.download!(ENV['REMOTE'], ENV['OUT'])
  else
    $stdout.binmode
    ssh.open_channel do |channel|
      channel.exec(ENV['COMMAND']) do |c, ok|
        raise 'exec refused' unless ok
        c.on_data { |_, data| $stdout.write(data) }
        c.send_data(File.binread(ENV['IN']))
        c.eof!
      end
    end
    ssh.loop
  end
end
