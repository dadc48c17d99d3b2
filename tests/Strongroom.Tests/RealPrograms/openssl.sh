# openssl: keys, certificates, a TLS server under s_time, and encryption there and back.
# run: tools=openssl window=2M idle=50ms limit=120
set -e
port=$((20000 + $$ % 20000))
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost 2>/dev/null
openssl s_server -quiet -accept $port -cert cert.pem -key key.pem -www >/dev/null 2>server.log &
server=$!
for i in $(seq 100); do
    echo Q | openssl s_client -connect localhost:$port >/dev/null 2>&1 && break
    sleep 0.1
done
sleep 0.3
openssl s_time -connect localhost:$port -new -time 2 >time.log 2>&1 || { cat time.log >&2; exit 1; }
awk '/connections in/ { if ($1 + 0 > 5) print "connections were made"; exit }' time.log
printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -quiet -verify_quiet -CAfile cert.pem -connect localhost:$port \
    2>/dev/null | grep -c 'HTTP/1.0 200 ok'
kill $server
wait $server || echo "server ended with $?"
head -c 8000000 /dev/zero | openssl enc -aes-256-ctr -K 00 -iv 00 2>/dev/null | tee cipher | sha256sum
openssl enc -d -aes-256-ctr -K 00 -iv 00 2>/dev/null < cipher | sha256sum
openssl dgst -sha256 -sign key.pem -out signature cipher
openssl x509 -in cert.pem -pubkey -noout > public.pem
openssl dgst -sha256 -verify public.pem -signature signature cipher
